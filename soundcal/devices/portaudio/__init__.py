"""The soundcard driver: PortAudio in a supervised process."""

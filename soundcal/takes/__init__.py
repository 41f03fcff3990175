"""Judging a take: does a capture contain what the inputs received?"""

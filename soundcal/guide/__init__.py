"""The guide: one page per job, as CommonMark, and what shows the pages.

Every command on a page is run by the tests (``tests/guide_pages.py``).
"""

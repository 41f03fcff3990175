"""Judging a take: is a capture what the inputs heard?"""

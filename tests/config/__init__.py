"""Tests of what a sysadmin writes."""

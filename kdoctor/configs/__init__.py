"""Mistakes in configuration files that people really made: one module a family of files, text in, slips out.

A slip is something that the program which reads the file refuses, or passes over in silence. What vendors
ship and document gives none. Pure: what a rule needs of the machine besides the text comes as an argument.
"""

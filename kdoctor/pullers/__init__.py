"""The settings of each program that pulls images, read from its own files: one module a family of programs."""

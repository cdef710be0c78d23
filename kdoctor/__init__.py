"""kdoctor says why Kubernetes or Docker cannot start or pull, proves it, and gives the fix."""

__version__ = "0.1.0"

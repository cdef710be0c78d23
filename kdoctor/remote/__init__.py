"""Vantages beyond this process: a node's container, a VM, a host behind ssh, a pod, asked by one shell script."""

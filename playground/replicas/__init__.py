"""Replicas: engines in other processes and on other machines, asked as one in this process is."""

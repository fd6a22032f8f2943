"""terraform apply, and again until the ECS service-linked role can be assumed."""

__version__ = "0.1.0"

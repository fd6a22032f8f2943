"""What the user asks for: options, variables, .tfretry.toml and defaults; help and completion."""

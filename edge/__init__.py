"""The pole: ask the sensors, keep what they said, tell the office; `edge run` is the long-running agent."""

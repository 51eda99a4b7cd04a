"""The search space of TextNAS: networks that represent text."""

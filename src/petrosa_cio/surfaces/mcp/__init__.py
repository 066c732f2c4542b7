"""The office of a fund for agents: tools, resources and prompts of the Model Context Protocol."""

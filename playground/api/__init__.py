"""What programs may ask of the playground: the same over HTTP, from gradio's client, as MCP tools
and on the command line. What can be asked stands once, in `endpoints.ENDPOINTS`.
"""

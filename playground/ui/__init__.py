"""The page. The only room that knows gradio; one file per tab."""

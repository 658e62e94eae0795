# The playground for a server: docker build -t latent-playground . && docker run -p 7860:7860 …
# Nothing is downloaded once it is built: the built-in models are in the image.
FROM python:3.12-slim

# Chromium, compilers and git are not needed to run; fonts are for labels in saved pictures.
# A new volume for fetched models takes the owner of the folder in its place: without one, root's.
# Not pinned: that version of Debian's fonts would be gone with the next release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 visitor \
    && mkdir -p /home/visitor/.cache/huggingface \
    && chown -R visitor /home/visitor/.cache

WORKDIR /home/visitor/app

# torch without CUDA is a tenth of the size; with a GPU: --build-arg TORCH=https://pypi.org/simple
ARG TORCH=https://download.pytorch.org/whl/cpu
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir --extra-index-url "$TORCH" -c constraints.txt -r requirements.txt

COPY --chown=visitor app.py pyproject.toml README.md LICENSE ./
COPY --chown=visitor playground playground
COPY --chown=visitor assets assets

# By its number, which a cluster can check not to be root.
USER 1000
ENV GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HUB_DISABLE_TELEMETRY=1 \
    PYTHONUNBUFFERED=1
EXPOSE 7860

# The page ends its process when it is dead, so `--restart unless-stopped` starts it again.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/health', timeout=4)"]
CMD ["python", "app.py"]

"""Tracing: one trace a track, from its submission to its view, where OpenTelemetry's variables switch it on."""

from shared.tracing.switch import tracing

__all__ = ["tracing"]

"""The configuration: TOML files to a frozen Config. A complaint names its key, file and line."""

from digestd.config.load import complaints, load
from digestd.config.model import (
    Config,
    DeliverySettings,
    PollSettings,
    PushSettings,
    StoreSettings,
    WebSettings,
)
from digestd.config.source import located
from digestd.config.surroundings import find_config
from digestd.config.values import describe_duration, parse_duration, parse_size

__all__ = [
    "Config",
    "DeliverySettings",
    "PollSettings",
    "PushSettings",
    "StoreSettings",
    "WebSettings",
    "complaints",
    "describe_duration",
    "find_config",
    "load",
    "located",
    "parse_duration",
    "parse_size",
]

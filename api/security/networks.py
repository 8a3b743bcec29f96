"""Which addresses belong to the public internet."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

_REFUSED = tuple(
    ip_network(net)
    for net in (
        "192.0.0.0/24",  # protocols' own (RFC 6890); Oracle's cloud tells secrets at 192.0.0.192
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "168.63.129.16/32",  # Azure's host, which looks public
        "2001::/23",  # protocols' own (RFC 2928), Teredo among them
        "2002::/16",  # 6to4: an IPv4 address in disguise (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
"""What Python 3.11 takes for global and is not; more disguises of IPv4, as ``64:ff9b::/96``, lie outside of
``2000::/3``."""
_UNICAST6 = ip_network("2000::/3")
"""All of IPv6 that is given out (IANA, "IPv6 Global Unicast Address Assignments")."""


def is_public(address: str) -> bool:
    """Say whether an address belongs to the public internet and to nothing that only looks like it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, IPv6Address) and parsed not in _UNICAST6:
        return False
    return parsed.is_global and not parsed.is_multicast and not any(parsed in net for net in _REFUSED)

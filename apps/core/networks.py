"""JUNCTION_ALLOW_NETWORKS: which otherwise refused addresses a deployment lets its gateway reach."""

import ipaddress
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class AllowedNetwork:
    """A CIDR block on any port, or one host (name or address) on one port. `organization`: for its calls alone."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    host: str = ""
    port: int = 0
    organization: str = ""

    def admits(self, *, address: Address, host: str, port: int) -> bool:
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        return port == self.port and self.host in {host.lower(), str(address)}


def parse_allow_networks(text: str) -> list[AllowedNetwork]:
    """`10.0.0.0/8, crm.internal:8443` to entries. Raises ValueError naming the part that cannot be read."""
    return [parse_entry(part.strip()) for part in text.split(",") if part.strip()]


def parse_entry(part: str) -> AllowedNetwork:
    try:
        return AllowedNetwork(network=ipaddress.ip_network(part))
    except ValueError:
        pass  # not an address block: a host with a port, then
    host, _, port = part.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or "/" in host:
        raise ValueError(f"{part!r} is neither a network such as 10.0.0.0/8 nor a host:port")
    return AllowedNetwork(host=host.strip("[]").lower(), port=int(port))

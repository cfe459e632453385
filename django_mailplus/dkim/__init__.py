"""DomainKeys Identified Mail (RFC 6376, RFC 8463): keys and signatures; it knows no Django."""

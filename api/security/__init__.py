"""Who asks and what they may: tenants, keys, quotas; and what may come in: pictures, addresses."""

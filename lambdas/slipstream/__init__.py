"""What every function of the gateway shares. Capabilities import no AWS library; `aws` holds the adapters."""

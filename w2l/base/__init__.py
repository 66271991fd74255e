"""The base of the kit: where files live, how they are written, threads and processes, the device, letters."""

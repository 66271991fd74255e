"""What publishes the kit: addresses stamped into a copy, notebooks run with their outputs kept, and translated."""

"""The MQTT door: events and summaries out, commands in; whether or not there is a broker."""

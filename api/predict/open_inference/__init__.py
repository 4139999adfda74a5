"""The door for clients of the Open Inference Protocol v2, such as `tritonclient[http]`: `/v2`."""

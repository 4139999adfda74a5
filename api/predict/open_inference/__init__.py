"""The calls of the Open Inference Protocol v2 under `/v2`, for clients such as `tritonclient[http]`."""

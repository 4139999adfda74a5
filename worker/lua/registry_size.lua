return {'ok', redis.call('HLEN', KEY.LAST_VERSIONS)}

redis.call('HDEL', KEY.WORKERS, ARGV[1])
redis.call('HDEL', KEY.CLAIMER_DEVICES, ARGV[1])
redis.call('ZREM', KEY.WORKERS_EXPIRE, ARGV[1])
redis.call('ZREM', KEY.CLAIMERS_EXPIRE, ARGV[1])
return {'ok'}

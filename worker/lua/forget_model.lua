redis.call('DEL', KEY.MODEL .. ARGV[1])
redis.call('SREM', KEY.RETIRED_MODELS, ARGV[1])
return {'ok'}

local reply = redis.call('SMEMBERS', KEY.RETIRED_MODELS)
table.sort(reply)
table.insert(reply, 1, 'ok')
return reply

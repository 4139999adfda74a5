local reply = redis.call('SMEMBERS', KEY.PRODUCTION_NAMES)
table.sort(reply)
table.insert(reply, 1, 'ok')
return reply

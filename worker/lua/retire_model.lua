local model_id = ARGV[1]
local manifest = redis.call('GET', KEY.MODEL .. model_id)
if not manifest then return {'model_not_found', model_id} end
local name = cjson.decode(manifest).name
local version = redis.call('ZSCORE', KEY.VERSIONS .. name, model_id)
local flat = redis.call('HGETALL', KEY.ALIASES .. name)
for i = 1, #flat, 2 do
  if flat[i + 1] == version then return {'model_in_use', model_id, flat[i]} end
end
withdraw(model_id, name)
return {'ok'}

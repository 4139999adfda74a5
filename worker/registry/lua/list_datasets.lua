-- A page of the datasets, newest first.
local limit, after = args.limit, args.after
local from = '+inf'
if after ~= '' then
  local added = redis.call('ZSCORE', KEY.DATASETS, after)
  if not added then return {'dataset_not_found', after} end
  from = '(' .. added
end
local reply = {'ok'}
for _, dataset_id in ipairs(redis.call('ZRANGE', KEY.DATASETS, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit)) do
  reply[#reply + 1] = redis.call('GET', KEY.DATASET .. dataset_id)
end
return reply

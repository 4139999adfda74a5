-- Note the end of the import that made a dataset version: its images were used, or have their labels as before.
-- The reply: the ids of the images whose files are to be deleted.
-- include: registry/lua/shared/review.lua
local review, taken = review_key(KEY.REVIEW), review_key(KEY.REVIEW_TAKEN)
local plan = redis.call('HGET', review, 'making')
if not plan or cjson.decode(plan).import_id ~= args.import_id then return {'ok'} end
local dropped = {'ok'}
local ids = redis.call('ZRANGE', taken, 0, -1)
if args.is_made then
  for _, id in ipairs(ids) do drop_image(dropped, id) end
  redis.call('HINCRBY', review, 'used', #ids)
  redis.call('HSET', review, 'made', plan)
else
  for _, id in ipairs(ids) do redis.call('ZADD', review_key(KEY.REVIEW_LABELLED), 0, id) end
  redis.call('DEL', taken)
end
redis.call('HDEL', review, 'making')
return dropped

-- Take all images with a label for the next dataset version, unless one is being made; the reply says which: its plan, and of
-- each of its images the id and the label.
-- include: registry/lua/shared/review.lua
local review, taken = review_key(KEY.REVIEW), review_key(KEY.REVIEW_TAKEN)
if redis.call('HEXISTS', review, 'settings') == 0 then return {'review_off', args.name} end
local plan = redis.call('HGET', review, 'making')
if not plan and args.plan then
  local images = redis.call('ZCARD', review_key(KEY.REVIEW_LABELLED))
  if images > 0 then
    plan = '{"images":' .. images .. ',' .. args.plan:sub(2)
    redis.call('RENAME', review_key(KEY.REVIEW_LABELLED), taken)
    redis.call('HSET', review, 'making', plan)
  end
end
local reply = {'ok', plan or ''}
for _, id in ipairs(redis.call('ZRANGE', taken, 0, -1)) do
  local label = redis.call('HGET', review_key(KEY.REVIEW_LABELS), id)
  if label then
    reply[#reply + 1] = id
    reply[#reply + 1] = label
  end
end
return reply

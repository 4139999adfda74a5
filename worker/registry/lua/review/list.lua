-- A page of the images in one of the sorted sets, newest first: of each the image and its label, which may be empty.
-- include: registry/lua/shared/review.lua
if redis.call('HEXISTS', review_key(KEY.REVIEW), 'settings') == 0 then return {'review_off', args.name} end
local reply = {'ok'}
local from = args.after == '' and '+' or '(' .. args.after
for _, id in ipairs(redis.call('ZRANGE', args.index, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, args.limit)) do
  local image = redis.call('HGET', review_key(KEY.REVIEW_IMAGES), id)
  if image then
    reply[#reply + 1] = image
    reply[#reply + 1] = redis.call('HGET', review_key(KEY.REVIEW_LABELS), id) or ''
  end
end
return reply

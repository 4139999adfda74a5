-- Give an image a label, or throw it away when there is none. The reply: the image and its label; nothing when it is gone.
-- include: registry/lua/shared/review.lua
if redis.call('HEXISTS', review_key(KEY.REVIEW), 'settings') == 0 then return {'review_off', args.name} end
local image = redis.call('HGET', review_key(KEY.REVIEW_IMAGES), args.id)
if not image then return {'image_not_found', args.name} end
if redis.call('ZSCORE', review_key(KEY.REVIEW_TAKEN), args.id) then return {'image_taken', args.name} end
if not args.label then
  drop_image({}, args.id)
  return {'ok'}
end
local label = '{"at":"' .. now() .. '",' .. args.label:sub(2)
redis.call('HSET', review_key(KEY.REVIEW_LABELS), args.id, label)
redis.call('ZREM', review_key(KEY.REVIEW_WAITING), args.id)
redis.call('ZADD', review_key(KEY.REVIEW_LABELLED), 0, args.id)
return {'ok', image, label}

-- Turn the review of a name on, or change its settings. The reply: the ids of images that are too many now.
-- include: registry/lua/shared/review.lua
if redis.call('EXISTS', review_key(KEY.VERSIONS)) == 0 then return {'model_not_found', args.name} end
redis.call('HSET', review_key(KEY.REVIEW), 'settings', args.settings)
redis.call('SADD', scoped(args.project, KEY.REVIEWS), args.name)
local dropped = {'ok'}
trim_review(dropped, args.max_bytes)
return dropped

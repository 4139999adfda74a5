-- Note the job that trains on a dataset version of a review.
-- include: registry/lua/shared/review.lua
if redis.call('HEXISTS', review_key(KEY.REVIEW), 'settings') == 1 then
  redis.call('HSET', review_key(KEY.REVIEW), 'job', args.job)
end
return {'ok'}

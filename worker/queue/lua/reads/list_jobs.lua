-- A page of jobs, newest first: read the smallest index and keep the jobs that are in all indexes.
-- `budget` bounds the ids read, and so the time that Redis is blocked. The reply begins with the id to continue after.
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/job_json.lua
local limit, after, budget, job_indexes = args.limit, args.after, args.budget, args.indexes

local smallest = job_indexes[1]
for _, index in ipairs(job_indexes) do
  if redis.call('ZCARD', index) < redis.call('ZCARD', smallest) then smallest = index end
end

local function is_in_all(job_id)
  for _, index in ipairs(job_indexes) do
    if index ~= smallest and not redis.call('ZSCORE', index, job_id) then return false end
  end
  return true
end

local reply = {'ok', ''}
local cursor = after == '' and '+' or '(' .. after
local ids_read = 0
while ids_read < budget do
  local ids = redis.call('ZRANGE', smallest, cursor, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)
  for _, job_id in ipairs(ids) do
    local job = is_in_all(job_id) and load_job(job_id)
    if job then reply[#reply + 1] = job_json(job) end
    if #reply == limit + 2 then return reply end
    cursor = '(' .. job_id
  end
  if #ids < limit then return reply end
  ids_read = ids_read + #ids
end
reply[2] = cursor:sub(2)
return reply

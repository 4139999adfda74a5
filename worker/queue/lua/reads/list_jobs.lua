-- A page of jobs, newest first: read the smallest index and keep the jobs that are in all indexes.
-- `budget` bounds the ids read, and so the time that Redis is blocked. The reply begins with the id to continue after.
local limit, after, budget = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])

local smallest = ARGV[4]
for i = 5, #ARGV do
  if redis.call('ZCARD', ARGV[i]) < redis.call('ZCARD', smallest) then smallest = ARGV[i] end
end

local function is_in_all(job_id)
  for i = 4, #ARGV do
    if ARGV[i] ~= smallest and not redis.call('ZSCORE', ARGV[i], job_id) then return false end
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

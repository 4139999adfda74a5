local job_id, after, limit = unpack(ARGV)
if redis.call('EXISTS', KEY.JOB .. job_id) == 0 then return {'job_not_found', job_id} end
local reply = {'ok'}
for epoch = after + 1, after + limit do
  local row = redis.call('HGET', KEY.ROWS .. job_id, epoch)
  if not row then break end
  reply[#reply + 1] = row
end
return reply

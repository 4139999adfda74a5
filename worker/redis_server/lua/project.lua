-- Names the keys of a project; the same rule as worker/redis_server/projects.py.

local function scoped(project, key)
  if not project or project == 'default' then return key end
  return KEY.PREFIX .. 'project:' .. project .. ':' .. key:sub(#KEY.PREFIX + 1)
end

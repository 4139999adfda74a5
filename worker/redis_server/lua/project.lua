-- Names the keys of a project; the same rule as worker/redis_server/projects.py.

local function scoped(project, key)
  if not project or project == 'default' then return key end
  return KEY.PREFIX .. 'project:' .. project .. ':' .. key:sub(#KEY.PREFIX + 1)
end

-- Upkeep walks the projects that are noted.
local function note_project(project)
  if project ~= 'default' then redis.call('SADD', KEY.PROJECTS, project) end
end

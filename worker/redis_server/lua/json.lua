-- Writes JSON as text. Numbers never pass through cjson, which would round them; JSON from Python is copied unchanged.

local function quoted(text)
  return text and '"' .. text .. '"' or 'null'
end

local function appended(items, item)
  return items and items .. ',' .. item or item
end

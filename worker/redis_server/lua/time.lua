-- The server's clock: the only clock that stamps records, so that the order of times is the order of changes.

local function civil_date(days)
  -- Days since 1970-01-01 to year, month and day: http://howardhinnant.github.io/date_algorithms.html#civil_from_days
  local z = days + 719468
  local era = math.floor(z / 146097)
  local day_of_era = z - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460) + math.floor(day_of_era / 36524)
    - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local shifted_month = math.floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - math.floor((153 * shifted_month + 2) / 5) + 1
  local month = shifted_month < 10 and shifted_month + 3 or shifted_month - 9
  return year_of_era + era * 400 + (month <= 2 and 1 or 0), month, day
end

local function unix_time_s()
  return tonumber(redis.call('TIME')[1])
end

-- The current time as records store it: RFC 3339, UTC, milliseconds.
local function now()
  local time = redis.call('TIME')
  local seconds, milliseconds = tonumber(time[1]), math.floor(tonumber(time[2]) / 1000)
  local days = math.floor(seconds / 86400)
  local rest = seconds - days * 86400
  local year, month, day = civil_date(days)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day, math.floor(rest / 3600),
    math.floor(rest / 60) % 60, rest % 60, milliseconds)
end

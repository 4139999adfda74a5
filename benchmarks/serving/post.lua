-- Posts the file of the first argument; the second argument is "raw", or the name of the form field for a multipart body.
-- Prints the counts of the run and its latencies in milliseconds as one line of JSON.

local boundary = "----ninefold-benchmark"

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local data = file:read("*a")
  file:close()
  wrk.method = "POST"
  if args[2] == "raw" then
    wrk.headers["Content-Type"] = "image/png"
    wrk.body = data
  else
    wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
    wrk.body = "--" .. boundary .. '\r\nContent-Disposition: form-data; name="' .. args[2]
      .. '"; filename="image.png"\r\nContent-Type: image/png\r\n\r\n' .. data .. "\r\n--" .. boundary .. "--\r\n"
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\n{"requests": %d, "duration_s": %.6f, "errors": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end

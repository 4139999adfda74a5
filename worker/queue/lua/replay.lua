-- The first answer to a request, before anything is asked that may have changed since.
return first_answer(ARGV[1], ARGV[2]) or {'ok'}

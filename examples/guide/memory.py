import threading

visited = []


def scenario_keeps_what_it_saw():
    def visit(page):
        visited.append(page)
        for _ in visited:
            pass

    threads = [threading.Thread(target=visit, args=(page,)) for page in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def scenario_starts_afresh():
    visited.clear()
    scenario_keeps_what_it_saw()

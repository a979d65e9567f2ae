"""Do several things in the same instant, each on a connection of its own."""

import threading

from django.db import connection
from django.test import Client


def at_once(*deeds):
    """Run the deeds together, and return what each gave back; an error of one is raised."""
    barrier, results = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(number, deed):
        barrier.wait()
        try:
            results[number] = deed()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def same_browser(client):
    """Return another client with the same cookies: a second click, or a second tab."""
    other = Client()
    for name, morsel in client.cookies.items():
        other.cookies[name] = morsel.value
    return other
